;;; aid-client.el --- The connection to AID's daemon  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; One process (`aid connect') a project, started where the project is: on its host, for a remote one.  Nothing waits
;; for the daemon, which takes what is sent behind `initialize' in order.

;;; Code:

(require 'cl-lib)
(require 'jsonrpc)
(require 'map)
(require 'project)
(require 'subr-x)
(require 'url-util)
(require 'aid-protocol)

(defclass aid-connection (jsonrpc-process-connection)
  ((root :initarg :root :documentation "The project's directory, as Emacs names it.")
   (sent :initform nil :documentation "The id of the request sent last.")
   (diagnostics :initform (make-hash-table :test #'equal) :documentation "The daemon's, by URI.")
   (build :initform nil :documentation "What `aid/buildChanged' said last.")))

(defvar aid--connections (make-hash-table :test #'equal) "By root.")

(defun aid--sendable (value)
  "Return VALUE with another character for each that is none of Unicode's."
  (cond ((stringp value) (replace-regexp-in-string "[^\0-\ud7ff\ue000-\x10ffff]" "\ufffd" value t t))
        ((sequencep value) (cl-map (if (listp value) 'list 'vector) #'aid--sendable value))
        (value)))

(cl-defmethod jsonrpc-connection-send :around ((connection aid-connection) &rest parts &key id method &allow-other-keys)
  "Send PARTS of a message on CONNECTION; keep the ID of a request METHOD."
  (when (and id method) (setf (slot-value connection 'sent) id))
  (apply #'cl-call-next-method connection (aid--sendable parts)))

(defun aid--say (text &optional level)
  "Show TEXT if LEVEL, an error's without it, is high enough."
  (when (member (or level "error") (member aid-log-level '("debug" "info" "warning" "error")))
    (message "AID: %s" (string-remove-prefix "AID: " text))))

;;; Places

(defun aid--find-root (directory)
  "Return the root of the project that DIRECTORY is in, or nil.
It is the nearest one of what project.el says and an aid.toml."
  (let* ((project (project-current nil directory))
         (found (delq nil (list (and project (project-root project)) (locate-dominating-file directory "aid.toml")))))
    (car (sort (mapcar (lambda (each) (substring-no-properties (file-name-as-directory (file-truename each)))) found)
               (lambda (one other) (> (length one) (length other)))))))

(defvar-local aid-root nil "The root of the project that the buffer is about, where that is known.")

(defun aid-root ()
  "Return the root of this buffer's project; signal an error if there is none."
  (or aid-root (aid--find-root default-directory)
      (user-error "%s is in no project: it needs a .git, a .hg or an aid.toml above it" default-directory)))

(defun aid--file ()
  "Return the name of this buffer's file."
  (or buffer-file-name (user-error "This buffer is no file of a project")))

(defun aid--path-to-uri (path)
  "Return the URI of the file PATH on its own host."
  (concat "file://" (url-hexify-string (file-local-name path) url-path-allowed-chars)))

(defun aid--uri-to-path (uri connection)
  "Return the file of URI, as Emacs names it in the project of CONNECTION."
  (let ((path (url-unhex-string (replace-regexp-in-string "\\`file://\\(localhost\\)?" "" uri))))
    (concat (file-remote-p (slot-value connection 'root)) (decode-coding-string path 'utf-8))))

;;; Connecting

(defun aid--connection (root)
  "Return the connection of the project at ROOT, or nil."
  (when-let* ((found (gethash root aid--connections)) ((jsonrpc-running-p found))) found))

(defun aid-connect (root)
  "Return the connection of the project at ROOT, made if need be."
  (or (aid--connection root)
      (let* ((default-directory root) (name (format "aid %s" (abbreviate-file-name root)))
             (size (if (equal aid-log-level "debug") 2000000 0))
             (connection (apply #'make-instance 'aid-connection :name name :root root
                                :process (lambda () (aid--process name))
                                :request-dispatcher 'aid--answer
                                :notification-dispatcher 'aid--told
                                :on-shutdown (lambda (_) (force-mode-line-update t))
                                (if (> emacs-major-version 29) `(:events-buffer-config (:size ,size :format full))
                                  (list :events-buffer-scrollback-size size)))))
        (jsonrpc-async-request connection :initialize (aid--initialize root) :timeout nil
                               :error-fn (lambda (failure) (aid--say (plist-get failure :message))))
        (jsonrpc-notify connection :initialized (make-hash-table))
        (puthash root connection aid--connections))))

(defun aid--process (name)
  "Start `aid-command' as NAME in this directory, on its host."
  (unless (executable-find (car aid-command) t)
    (user-error "There is no program \"%s\": install AID, or name it in `aid-command'" (car aid-command)))
  (make-process :name name :connection-type 'pipe :coding 'utf-8-emacs-unix :noquery t :file-handler t
                ;; TRAMP may give it a terminal, which would change line ends and echo
                :command (if (not (file-remote-p default-directory)) aid-command
                           `("sh" "-c" ,(concat "stty raw -echo 2>/dev/null; exec "
                                                (mapconcat #'shell-quote-argument aid-command " "))))
                :stderr (get-buffer-create (format "*%s stderr*" name))))

(defun aid--initialize (root)
  "Return the params of `initialize' for ROOT."
  `( :processId ,(unless (file-remote-p root) (emacs-pid))
     :rootUri ,(aid--path-to-uri (directory-file-name root))
     :initializationOptions (:build_changed t)
     :capabilities
     ( :general (:positionEncodings ["utf-32"])     ; one a character, as in Emacs
       :workspace (:applyEdit t :workspaceEdit (:documentChanges t :resourceOperations ["create" "rename" "delete"]))
       :textDocument (:synchronization (:didSave t)))))

(defun aid-disconnect ()
  "End the connection of this project; the next command will make a new one."
  (interactive)
  (when-let* ((connection (aid--connection (aid-root)))) (jsonrpc-shutdown connection)))

(provide 'aid-client)
;;; aid-client.el ends here
