;;; aid.el --- Changes by a local daemon, checked by the build  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: tools, convenience

;;; Commentary:

;; AID's daemon answers questions and proposes changes to a project; the project's own build has said what it thinks of
;; each before it is shown.
;;
;; `aid-chat' is a Markdown buffer to talk in.  Without it there are `aid-ask', `aid-edit-region' and
;; `aid-fix-error-at-point'.  `aid-menu' has every command; in `aid-mode' they have keys, below C-c and a comma.  With
;; `aid-global-mode' the files of every project are in AID's care: the build's errors show by flymake, its state in the
;; mode line, and the daemon knows text that isn't saved.

;;; Code:

(require 'compile)
(require 'aid-client)
(require 'aid-documents)
(require 'aid-proposal)
(require 'aid-chat)

(autoload 'aid-menu "aid-menu" nil t)

(defvar aid-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c ,") aid-command-map)
    (define-key map [remap keyboard-quit] #'aid-quit)
    map)
  "Keys of `aid-mode'.")

;;;###autoload
(define-minor-mode aid-mode
  "Have this file in the care of AID's daemon."
  :lighter (:eval (aid--mode-line))
  (unless buffer-file-name
    (setq aid-mode nil)
    (user-error "This buffer is no file"))
  (pcase-dolist (`(,hook . ,function)
                 '((after-save-hook . aid--saved) (kill-buffer-hook . aid--close) (change-major-mode-hook . aid--close)
                   (after-set-visited-file-name-hook . aid--renamed)))
    (if aid-mode (add-hook hook function nil t) (remove-hook hook function t)))
  (if (not aid-mode) (progn (aid--close) (aid--leave-flymake))
    (setq aid-root (aid-root))
    (aid--open)
    (aid--use-flymake)))

(defun aid--turn-on ()
  "Turn `aid-mode' on in a file of a project, unless it can't be or isn't to be."
  (when (and aid-enable buffer-file-name (not (derived-mode-p 'aid-chat-mode))
             (aid--find-root default-directory) (executable-find (car aid-command) t))
    (aid-mode 1)))

;;;###autoload
(define-globalized-minor-mode aid-global-mode aid-mode aid--turn-on :group 'aid)

(defun aid--mode-line ()
  "Return the build's state and what is being done, for the mode line."
  (let* ((connection (and aid-root (aid--connection aid-root)))
         (build (and connection (slot-value connection 'build)))
         (errors (aid-protocol-build-changed-params-errors build))
         (status (aid-protocol-build-changed-params-status build))
         (asked (seq-find (lambda (each) (equal aid-root (aid-asked-root each))) aid--asked))
         (said (cond ((null connection) ":off")
                     ((equal status "running") ":building")
                     ((> errors 0) (format ":%d error%s" errors (if (= errors 1) "" "s")))
                     (status (concat ":" status)))))
    (concat " AID" (propertize (or said "") 'face (pcase status ("green" 'success) ("red" 'error))
                               'help-echo (plist-get build :badge))
            (and asked (string-replace "%" "%%" (truncate-string-to-width (concat " " (aid-asked-words asked)) 32 nil nil t))))))

;;; Asking without the chat

(defun aid--ask (params)
  "Ask by PARAMS, and show the answer in a window of its own."
  (aid-prompt (aid-root) params #'ignore (apply-partially #'aid--show (aid-root)) (lambda (why) (message "AID: %s" why))))

(defun aid--show (root result)
  "Show RESULT, of a prompt in the project at ROOT."
  (pcase-let* (((map :prose :proposal :reason) result) (prose (string-trim (or prose ""))))
    (when proposal (aid-proposal-view root proposal))
    (if (string-empty-p prose)
        (message "AID: %s" (if proposal (plist-get proposal :badge) (or reason "nothing was proposed")))
      (display-message-or-buffer (string-join (delq nil (list prose reason)) "\n\n") "*aid answer*"))))

(defun aid--file ()
  "Return the name of this buffer's file on its host."
  (file-local-name (or buffer-file-name (user-error "This buffer is no file of a project"))))

;;;###autoload
(defun aid-ask (prompt)
  "Ask PROMPT about this project; send the file at hand with it."
  (interactive "sAsk AID: ")
  (aid--ask `(:prompt ,prompt ,@(and buffer-file-name `(:files [(:path ,(aid--file))])))))

;;;###autoload
(defun aid-edit-region (start end prompt)
  "Have the lines from START to END changed by PROMPT, and no others."
  (interactive "r\nsChange these lines how? ")
  (aid--ask `( :prompt ,prompt
               :edit ( :path ,(aid--file) :first ,(line-number-at-pos start t)
                       :last ,(line-number-at-pos (max start (1- end)) t)))))

;;;###autoload
(defun aid-fix-error-at-point ()
  "Have the error at point mended: the build's, flymake's, or a compilation's.
Where there is none, all that the build says of this file."
  (interactive)
  (pcase-let ((`(,path ,line ,text) (aid--error-at-point)))
    (aid--ask `( :fix (:path ,(file-local-name path) ,@(and text (list :first line :last line)))
                 ,@(and text `(:attachments [(:title "the error" :text ,text)]))))))

(defun aid--error-at-point ()
  "Return file, line and text of the error at point; the text is nil for none."
  (if (derived-mode-p 'compilation-mode)
      (let* ((place (compilation--message->loc (save-excursion (beginning-of-line) (compilation-next-error 0))))
             (file (car (compilation--loc->file-struct place))))
        (list (expand-file-name (car file) (cadr file)) (compilation--loc->line place) (aid--compilation-message)))
    (let ((found (flymake-diagnostics (line-beginning-position) (line-end-position))))
      (list (or buffer-file-name (user-error "This buffer is no file of a project")) (line-number-at-pos nil t)
            (and found (mapconcat #'flymake-diagnostic-text found "\n"))))))

(defun aid--compilation-message ()
  "Return the message at point: all up to the next one, or to an empty line."
  (save-excursion
    (let ((start (line-beginning-position)))
      (while (progn (forward-line)
                    (not (or (eobp) (looking-at-p "$") (get-text-property (point) 'compilation-message)))))
      (buffer-substring-no-properties start (point)))))

(provide 'aid)
;;; aid.el ends here
