;;; aid-chat.el --- Talking to AID in a Markdown buffer  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; A chat is a Markdown text: turns under headings, the next prompt below the last one.  It is a
;; buffer like any other; its first line says which chat it is, so a saved one goes on when it is
;; visited again.  Answers are inserted above the next prompt, and not into the person's undo.

;;; Code:

(require 'outline)
(require 'thingatpt)
(require 'aid-client)
(require 'aid-proposal)

(defvar-local aid-chat-id nil
  "The daemon's name of this chat.")
(put 'aid-chat-id 'safe-local-variable #'stringp)

(defvar-local aid-chat-root nil
  "The directory of the project that this chat is about.")
(put 'aid-chat-root 'safe-local-variable #'stringp)

(defvar-local aid-chat--cancel nil
  "What cancels the answer that is coming, or nil.")

(defconst aid-chat--you "## You\n\n")
(defconst aid-chat--aid "## AID\n\n")

(define-derived-mode aid-chat--plain-mode text-mode "Chat"
  "Markdown without `markdown-mode'."
  (setq-local outline-regexp "#+ " outline-minor-mode-cycle t)
  (outline-minor-mode 1))

(defalias 'aid-chat--parent-mode (if (require 'markdown-mode nil t) 'markdown-mode 'aid-chat--plain-mode))

(defvar aid-command-map)

(defvar aid-chat-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c C-c") #'aid-chat-send)
    (define-key map (kbd "C-c C-k") #'aid-chat-cancel)
    (define-key map [remap keyboard-quit] #'aid-chat-quit)
    (define-key map (kbd "C-c ,") (lambda () (interactive) (set-transient-map aid-command-map)))
    map)
  "Keys in a chat, beside those of `markdown-mode'.")

;;;###autoload
(define-derived-mode aid-chat-mode aid-chat--parent-mode "AID-Chat"
  "A chat with AID about a project: Markdown, and \\[aid-chat-send] sends."
  (setq-local markdown-fontify-code-blocks-natively t
              mode-line-process '(:eval (aid-chat--progress)))
  (add-hook 'kill-buffer-hook #'aid-chat--killed nil t)
  (add-hook 'hack-local-variables-hook #'aid-chat--known nil t)
  (aid-proposal-draw (point-min) (point-max)))

(defun aid-chat--known ()
  "Take the project and the name of the chat from its first line."
  (setq aid-root (aid--find-root (or aid-chat-root default-directory)))
  (unless aid-chat-id
    (setq aid-chat-id (aid-chat--new-id))))

(defun aid-chat--new-id ()
  "Return a name for a new chat."
  (format "emacs-%s-%06x" (format-time-string "%Y%m%d") (random #xffffff)))

(defun aid-chat--progress ()
  "Return what is being done for this chat, for the mode line."
  (and aid-chat--cancel
       (format " %s" (or (cdar (slot-value (aid-connect (aid-root)) 'progress)) "asking"))))

(defun aid-chat--buffer (root)
  "Return the chat of the project at ROOT that was last used, or nil."
  (seq-find (lambda (buffer)
              (with-current-buffer buffer (and (derived-mode-p 'aid-chat-mode) (equal aid-root root))))
            (buffer-list)))

(defun aid-chat--make (root id)
  "Return a new buffer for the chat ID of the project at ROOT."
  (with-current-buffer (generate-new-buffer (format "*aid: %s*" (file-name-nondirectory (directory-file-name root))))
    (setq default-directory root)
    (aid-chat-mode)
    (setq aid-root root aid-chat-root root aid-chat-id id)
    (insert (format "<!-- -*- mode: aid-chat; aid-chat-id: %S; aid-chat-root: %S -*- -->\n\n" id root) aid-chat--you)
    (setq buffer-undo-list nil)
    (set-buffer-modified-p nil)
    (current-buffer)))

;;;###autoload
(defun aid-chat (&optional stored)
  "Show this project's chat.
With a prefix argument STORED, choose one that was had before."
  (interactive "P")
  (let ((root (aid-root)))
    (if stored
        (aid-request root :aid/chats (list :workspace (aid--workspace root)) (apply-partially #'aid-chat--choose root))
      (pop-to-buffer (or (aid-chat--buffer root) (aid-chat--make root (aid-chat--new-id)))))))

(defun aid-chat--choose (root result)
  "Let the person choose among RESULT, chats of the project at ROOT, and show it."
  (let* ((titles (mapcar (lambda (each)
                           (cons (format "%s (%s)" (aid-protocol-chat-entry-title each) (aid-protocol-chat-entry-chat each))
                                 (aid-protocol-chat-entry-chat each)))
                         (aid-protocol-chats-result-chats result)))
         (id (cdr (assoc (completing-read "Chat: " titles nil t) titles))))
    (when id
      (aid-request root :aid/chat (list :workspace (aid--workspace root) :chat id)
                   (lambda (chat)
                     (pop-to-buffer (aid-chat--make root id))
                     (mapc #'aid-chat--draw-turn (aid-protocol-chat-result-turns chat)))))))

(defun aid-chat--draw-turn (turn)
  "Put TURN, one that was had before, above the next prompt."
  (let ((end (aid-chat--append (concat aid-chat--you (string-trim (plist-get turn :prompt)) "\n\n" aid-chat--aid))))
    (aid-chat--answer end end turn
                      (lambda (id then) (aid-request (aid-root) :aid/proposal (list :id id) then #'ignore)))))

;;; Sending

(defun aid-chat--draft ()
  "Return where the next prompt begins: below the last heading of the person's."
  (save-excursion
    (goto-char (point-max))
    (unless (re-search-backward (concat "^" aid-chat--you) nil t)
      (aid--replace (point-max) (point-max) (concat (if (bolp) "\n" "\n\n") aid-chat--you))
      (re-search-backward (concat "^" aid-chat--you)))
    (match-end 0)))

(defun aid-chat--append (text)
  "Put TEXT above the next prompt and return a marker at its end."
  (let ((start (- (aid-chat--draft) (length aid-chat--you))))
    (aid--replace start start (concat text "\n\n"))
    (copy-marker (+ start (length text)))))

(defun aid-chat-send (&optional start end)
  "Send what stands below the last heading, or the region from START to END."
  (interactive (and (use-region-p) (list (region-beginning) (region-end))))
  (when aid-chat--cancel
    (user-error "An answer is coming: %s cancels it" (substitute-command-keys "\\[aid-chat-cancel]")))
  (let* ((draft (aid-chat--draft))
         (prompt (string-trim (buffer-substring-no-properties (or start draft) (or end (point-max)))))
         (params (aid-chat--params prompt)))
    (when (string-empty-p prompt)
      (user-error "Write something below the last heading first"))
    (if start
        (aid-chat--ask params (aid-chat--append (concat aid-chat--you prompt "\n\n" aid-chat--aid)))
      (let ((below (>= (point) draft)))
        (aid--replace (point-max) (point-max) (concat (if (bolp) "\n" "\n\n") aid-chat--aid "\n\n" aid-chat--you))
        (when below (goto-char (point-max)))
        (aid-chat--ask params (copy-marker (- (point-max) (length aid-chat--you) 2)))))))

(defun aid-chat--params (prompt)
  "Return the params of PROMPT: what was attached is told apart from it."
  (let ((files nil) (texts nil) (id aid-chat-id))
    (with-temp-buffer
      (insert prompt)
      (goto-char (point-min))
      (while (re-search-forward "^attached: \\(.+\\)\n\\(```+\\).*\n\\(\\(?:.*\n\\)*?\\)\\2\\(?:\n\\|\\'\\)" nil t)
        (push (list :title (match-string 1) :text (match-string 3)) texts)
        (replace-match ""))
      (goto-char (point-min))
      (while (re-search-forward "^attached: \\(.+\\)\n?" nil t)
        (push (list :path (match-string 1)) files)
        (replace-match ""))
      (list :prompt (string-trim (buffer-string)) :chat id
            :files (vconcat (nreverse files)) :attachments (vconcat (nreverse texts))))))

(defun aid-chat--ask (params start)
  "Ask by PARAMS; the answer streams in at START, a marker."
  (let ((buffer (current-buffer)) (end (copy-marker start)))
    (cl-flet ((here (function) (when (buffer-live-p buffer) (with-current-buffer buffer (funcall function)))))
      (setq aid-chat--cancel
            (aid-prompt
             (aid-root) params
             (lambda (update)
               (when (equal (aid-protocol-update-params-kind update) "text")
                 (here (lambda () (setq end (aid-chat--stream end (aid-protocol-update-params-text update)))))))
             (lambda (result)
               (here (lambda ()
                       (setq aid-chat--cancel nil)
                       (aid-chat--answer start end result (lambda (proposal then) (funcall then proposal))))))
             (lambda (why)
               (here (lambda ()
                       (setq aid-chat--cancel nil)
                       (aid-chat--stream end (format "\n\n_%s_" why))))))))))

(defun aid-chat--stream (end text)
  "Put TEXT at END and return where it ends."
  (aid--replace end end text)
  (copy-marker (+ end (length text))))

(defun aid-chat--answer (start end result get)
  "Write RESULT, a prompt's or a turn of a chat, in place of what streamed in from START to END.
GET is called with its proposal and a function that takes the whole of it."
  (let* ((prose (string-trim (or (plist-get result :prose) "")))
         (reason (and (or (string-empty-p prose)
                          (seq-find (lambda (each) (not (equal (plist-get each :status) "no-edit")))
                                    (plist-get result :candidates)))
                      (plist-get result :reason)))
         (text (string-join (delq nil (list (and (not (string-empty-p prose)) prose) (and reason (format "_%s_" reason))))
                            "\n\n"))
         (end (progn (aid--replace start end text) (copy-marker (+ start (length text)))))
         (buffer (current-buffer)))
    (when (plist-get result :proposal)
      (funcall get (plist-get result :proposal)
               (lambda (proposal)
                 (with-current-buffer buffer
                   (aid--replace end end (concat (if (string-empty-p text) "" "\n\n")
                                                 (string-trim-right (aid-proposal-text proposal))))
                   (aid-proposal--show-state proposal)))))))

;;; Cancelling

(defun aid-chat-cancel ()
  "Cancel the answer that is coming."
  (interactive)
  (if aid-chat--cancel (funcall aid-chat--cancel) (message "AID: nothing is being asked")))

(defun aid-chat-quit ()
  "Leave the region if there is one, else cancel the answer that is coming; then quit."
  (interactive)
  (when (and aid-chat--cancel (not (region-active-p)))
    (aid-chat-cancel))
  (keyboard-quit))

(defun aid-chat--killed ()
  "Cancel the answer that is coming: its buffer goes."
  (when aid-chat--cancel (funcall aid-chat--cancel)))

;;; Appending

(defun aid-chat--attach (title &optional text)
  "Append TEXT, a TITLE over it, to the prompt of this project's chat; without TEXT, the file TITLE."
  (let* ((root (aid-root)) (language (replace-regexp-in-string "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode))))
    (with-current-buffer (or (aid-chat--buffer root) (aid-chat--make root (aid-chat--new-id)))
      (let ((fence (if (and text (string-match-p "^```" text)) "````" "```")))
        (aid-chat--draft)
        (save-excursion
          (goto-char (point-max))
          (unless (bolp) (insert "\n"))
          (insert "attached: " title "\n")
          (when text (insert fence language "\n" (string-trim-right text "\n") "\n" fence "\n")))
        (dolist (window (get-buffer-window-list nil nil t)) (set-window-point window (point-max))))
      (display-buffer (current-buffer))
      (message "AID: attached %s" title))))

(defun aid-chat--place (start end)
  "Return the name of the lines from START to END in this buffer."
  (format "%s:%d-%d" (if buffer-file-name (file-relative-name buffer-file-name (aid-root)) (buffer-name))
          (line-number-at-pos start t) (line-number-at-pos (max start (1- end)) t)))

(defun aid-append-region (start end)
  "Append the region from START to END to this project's chat."
  (interactive "r")
  (aid-chat--attach (aid-chat--place start end) (buffer-substring-no-properties start end)))

(defun aid-append-defun ()
  "Append the function at point to this project's chat."
  (interactive)
  (pcase (bounds-of-thing-at-point 'defun)
    (`(,start . ,end) (aid-append-region start end))
    (_ (user-error "Point is in no function"))))

(defun aid-append-file ()
  "Append this file to this project's chat: its text as it is when the prompt is sent."
  (interactive)
  (aid-chat--attach (file-relative-name (or buffer-file-name (user-error "This buffer is no file")) (aid-root))))

(declare-function aid--error-at-point "aid" ())

(defun aid-append-error ()
  "Append the build error at point to this project's chat."
  (interactive)
  (pcase-let ((`(,path ,line ,text) (aid--error-at-point)))
    (unless text (user-error "There is no error at point"))
    (aid-chat--attach (format "error at %s:%d" (file-relative-name path (aid-root)) line) text)))

(defun aid-append-diff ()
  "Append what differs in this project from its last commit to this project's chat."
  (interactive)
  (let* ((root (aid-root)) (default-directory root)
         (words (if (file-exists-p (expand-file-name ".hg" root)) '("hg" "diff" "--git") '("git" "diff" "HEAD"))))
    (with-temp-buffer
      (setq default-directory root)
      (unless (eq 0 (apply #'process-file (car words) nil t nil (cdr words)))
        (user-error "%s: %s" (string-join words " ") (string-trim (buffer-string))))
      (when (= (buffer-size) 0) (user-error "Nothing differs from the last commit"))
      (diff-mode)
      (setq aid-root root)
      (aid-chat--attach "diff" (buffer-string)))))

(provide 'aid-chat)
;;; aid-chat.el ends here
